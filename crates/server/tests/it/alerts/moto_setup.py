"""Makes what the tests need in a fresh moto server, then switches its checking of keys, rights and signatures on.

    moto_setup.py ENDPOINT

Prints KEY=value lines: a user who may do everything with SNS, one who may do nothing, and the keys of a role.
"""
import json
import sys
import urllib.request

import boto3

ENDPOINT = sys.argv[1]
EVERYTHING = json.dumps({
    'Version': '2012-10-17',
    'Statement': [{'Effect': 'Allow', 'Action': 'sns:*', 'Resource': '*'}],
})
ANYONE = json.dumps({
    'Version': '2012-10-17',
    'Statement': [{'Effect': 'Allow', 'Action': 'sts:AssumeRole', 'Principal': {'AWS': '*'}}],
})


def service(name):
    return boto3.client(
        name, region_name='us-east-1', endpoint_url=ENDPOINT, aws_access_key_id='any', aws_secret_access_key='any'
    )


def tell(name, value):
    print('REVERE_TEST_SNS_%s=%s' % (name, value))


iam = service('iam')
for user, policy in (('ALLOWED', EVERYTHING), ('POWERLESS', None)):
    iam.create_user(UserName=user)
    if policy:
        iam.put_user_policy(UserName=user, PolicyName='sns', PolicyDocument=policy)
    keys = iam.create_access_key(UserName=user)['AccessKey']
    tell(user + '_KEY_ID', keys['AccessKeyId'])
    tell(user + '_SECRET', keys['SecretAccessKey'])

role = iam.create_role(RoleName='machine', AssumeRolePolicyDocument=ANYONE)['Role']
iam.put_role_policy(RoleName='machine', PolicyName='sns', PolicyDocument=EVERYTHING)
keys = service('sts').assume_role(RoleArn=role['Arn'], RoleSessionName='tests')['Credentials']
tell('ROLE_KEY_ID', keys['AccessKeyId'])
tell('ROLE_SECRET', keys['SecretAccessKey'])
tell('ROLE_TOKEN', keys['SessionToken'])

# As a form, which is what urllib would call it, the count would not be read.
plain = {'Content-Type': 'text/plain'}
urllib.request.urlopen(urllib.request.Request(ENDPOINT + '/moto-api/reset-auth', b'0', plain, method='POST')).read()
tell('ENDPOINT', ENDPOINT)
