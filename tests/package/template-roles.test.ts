// What the template lets each part do, and that it holds no secret.

import { beforeAll, describe, expect, it } from 'vitest'
import { packagedOnce, PACKAGING_TIMEOUT_MS } from '../support/function-package.ts'
import {
  ofType,
  propertiesOf,
  readTemplate,
  statementsOf,
  targetsIn,
  type Properties,
  type Template,
} from '../support/template.ts'

let template: Template
beforeAll(async () => {
  template = readTemplate(await packagedOnce())
}, PACKAGING_TIMEOUT_MS)

const NAMES = [
  'Deliveries',
  'Drain',
  'Events',
  'List',
  'Manage',
  'Register',
  'Site',
  'Sweep',
  'Trigger',
]

describe('the roles', () => {
  const granted = () =>
    statementsOf(template).map(({ role, statement }) => ({
      role,
      actions: [statement.Action].flat().sort().join(' '),
      on: targetsIn(statement.Resource).join(' '),
    }))

  it('grant what a function does on what it owns, and nothing beside', () => {
    const logs = NAMES.map((name) => ({
      role: `${name}Role`,
      actions: 'logs:CreateLogStream logs:PutLogEvents',
      on: `${name}LogGroup`,
    }))
    const others = [
      {
        role: 'EventsRole',
        actions: 'sqs:DeleteMessage sqs:GetQueueAttributes sqs:ReceiveMessage',
        on: 'EventsQueue',
      },
      { role: 'EventsRole', actions: 'sqs:SendMessage', on: 'FailedEvents' },
      { role: 'EventsRole', actions: 'lambda:InvokeFunction', on: 'DrainLambdaFunction' },
      { role: 'TriggerRole', actions: 'lambda:InvokeFunction', on: 'DrainLambdaFunction' },
      { role: 'SweepRole', actions: 'sqs:SendMessage', on: 'FailedRuns' },
      { role: 'DrainRole', actions: 'sqs:SendMessage', on: 'FailedRuns' },
    ]
    const order = (a: { role: string; on: string }, b: { role: string; on: string }) =>
      `${a.role}${a.on}`.localeCompare(`${b.role}${b.on}`)
    expect(granted().sort(order)).toEqual([...logs, ...others].sort(order))
  })

  it('name every resource: there is no statement about "*", and no action is a pattern', () => {
    const all = statementsOf(template)
    expect(all.length).toBeGreaterThan(NAMES.length)
    for (const { statement } of all) {
      expect(JSON.stringify(statement.Resource)).not.toContain('*')
      expect(JSON.stringify(statement.Action)).not.toContain('*')
    }
  })

  it('take no managed policy, and only Lambda may take them', () => {
    for (const [, role] of ofType(template, 'AWS::IAM::Role')) {
      expect(Object.keys(role).sort()).toEqual(['AssumeRolePolicyDocument', 'Policies'])
      expect(role['AssumeRolePolicyDocument']).toEqual({
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Allow',
            Principal: { Service: 'lambda.amazonaws.com' },
            Action: 'sts:AssumeRole',
          },
        ],
      })
    }
  })

  it('of the queues let in only the source whose dead letters they keep', () => {
    const policies = ofType(template, 'AWS::SQS::QueuePolicy').map(([, policy]) => {
      const document = policy['PolicyDocument'] as { Statement: Properties[] }
      const [statement] = document.Statement
      return {
        queue: targetsIn(policy['Queues']).join(),
        principal: statement?.['Principal'],
        condition: statement?.['Condition'],
      }
    })
    const rules = 'arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:rule/'
    expect(policies).toEqual([
      {
        queue: 'EventsDeadLetters',
        principal: { Service: 'sns.amazonaws.com' },
        // An empty condition, which lets every topic in, is what the framework writes for a topic that it makes itself.
        condition: { ArnEquals: { 'aws:SourceArn': { Ref: 'EventsTopic' } } },
      },
      {
        queue: 'FailedEvents',
        principal: { Service: 'events.amazonaws.com' },
        condition: { ArnLike: { 'aws:SourceArn': { 'Fn::Sub': `${rules}webhook-broker-dev/*` } } },
      },
      {
        queue: 'FailedRuns',
        principal: { Service: 'events.amazonaws.com' },
        condition: { ArnLike: { 'aws:SourceArn': { 'Fn::Sub': `${rules}webhook-broker-dev-*` } } },
      },
    ])
  })
})

describe('the secrets', () => {
  const SECRETS = [
    'BROKER_API_KEYS',
    'BROKER_SECRET_KEY',
    'DATABASE_URL',
    'REDIS_URL',
    'UPSTASH_REDIS_REST_TOKEN',
    'UPSTASH_REDIS_REST_URL',
  ]

  it('are references that CloudFormation resolves; the template holds none', () => {
    for (const name of NAMES) {
      const { Variables } = propertiesOf(template, `${name}LambdaFunction`)['Environment'] as {
        Variables: Properties
      }
      for (const secret of SECRETS) {
        expect(Variables[secret]).toBe(
          `{{resolve:secretsmanager:webhook-broker/dev:SecretString:${secret}}}`,
        )
      }
      // Whatever else is set is plain, and no credential by its name.
      const plain = Object.keys(Variables).filter(
        (key) => Variables[key] !== '' && !SECRETS.includes(key),
      )
      expect(plain.filter((key) => /KEYS?$|SECRET|TOKEN|PASSWORD/.test(key))).toEqual([])
    }
  })
})
