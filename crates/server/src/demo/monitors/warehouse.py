# This database is down, to show what that looks like. Everything else goes on.
stock = sources['warehouse'].execute('select sum(pieces) from stock')[0][0]
return_value = int(stock)
