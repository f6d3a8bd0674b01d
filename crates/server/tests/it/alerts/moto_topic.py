"""Makes a topic with one subscriber, by Amazon's own client, as the user who may do everything; prints its ARN.

    moto_topic.py ENDPOINT KEY_ID SECRET NAME SUBSCRIBER
"""
import sys

import boto3

endpoint, key_id, secret, name, subscriber = sys.argv[1:]
sns = boto3.client(
    'sns', region_name='us-east-1', endpoint_url=endpoint, aws_access_key_id=key_id, aws_secret_access_key=secret
)
attributes = {'FifoTopic': 'true'} if name.endswith('.fifo') else {}
arn = sns.create_topic(Name=name, Attributes=attributes)['TopicArn']
sns.subscribe(TopicArn=arn, Protocol='http', Endpoint=subscriber)
print(arn, end='')
