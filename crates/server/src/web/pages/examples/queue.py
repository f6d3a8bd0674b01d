import random

# A made-up queue. A real one might be
# sources['mail'].execute('select ...')
waiting = random.randint(0, 60)

return_value = waiting
threshold = 50  # drawn in the chart
if waiting > threshold:
    raise MonitorFailure(
        f'{waiting} mails are waiting')
