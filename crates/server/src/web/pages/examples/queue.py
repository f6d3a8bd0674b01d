import random

# A made-up queue. A real one would be
# sources['mail'].execute('select count(*) ...')
waiting = random.randint(0, 60)

return_value = waiting
if waiting > 50:
    raise MonitorFailure('%d waiting' % waiting)
