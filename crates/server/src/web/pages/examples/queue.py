import random

# A made-up queue. A real one might be
# sources['mail'].execute('select ...')
waiting = random.randint(0, 60)

return_value = waiting
if waiting > 50:
    raise MonitorFailure(
        f'{waiting} mails are waiting')
