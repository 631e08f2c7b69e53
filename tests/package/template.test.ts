// The CloudFormation template that `npm run package` makes: what a deployment would create, line by line where it
// matters for security and for what happens to a trigger that fails.

import { beforeAll, describe, expect, it } from 'vitest'
import { API_ROUTES } from '../../lib/http/openapi.ts'
import { packagedOnce, PACKAGING_TIMEOUT_MS } from '../support/function-package.ts'
import {
  ofType,
  propertiesOf,
  readTemplate,
  targetsIn,
  type Properties,
  type Template,
} from '../support/template.ts'

let template: Template
beforeAll(async () => {
  template = readTemplate(await packagedOnce())
}, PACKAGING_TIMEOUT_MS)

const FUNCTIONS = [
  'deliveries',
  'drain',
  'events',
  'list',
  'manage',
  'register',
  'site',
  'sweep',
  'trigger',
]
const properties = (id: string) => propertiesOf(template, id)
const functionOf = (name: string) =>
  properties(`${name.charAt(0).toUpperCase()}${name.slice(1)}LambdaFunction`)

describe('the functions', () => {
  it('are all there, for arm64 and Node 24, each with its own role', () => {
    const functions = ofType(template, 'AWS::Lambda::Function')
    expect(functions.map(([, { FunctionName }]) => FunctionName).sort()).toEqual(
      FUNCTIONS.map((name) => `webhook-broker-dev-${name}`),
    )
    for (const [, each] of functions) {
      expect(each).toMatchObject({ Architectures: ['arm64'], Runtime: 'nodejs24.x' })
    }
    const roles = functions.map(([, { Role }]) => targetsIn(Role).join())
    expect(roles.sort()).toEqual(
      ofType(template, 'AWS::IAM::Role')
        .map(([id]) => id)
        .sort(),
    )
  })

  it('have a handler that is in their package', () => {
    expect(functionOf('trigger')['Handler']).toBe('functions/trigger/http.handler')
    expect(functionOf('events')['Handler']).toBe('functions/trigger/events.handler')
    expect(functionOf('drain')['Handler']).toBe('functions/worker/scheduled.handler')
    for (const name of ['deliveries', 'list', 'manage', 'register', 'site', 'sweep']) {
      expect(functionOf(name)['Handler']).toBe(`functions/${name}/handler.handler`)
    }
  })

  it('that run on a schedule are bounded in number, and the others are not', () => {
    const bounded = FUNCTIONS.map((name) => [
      name,
      functionOf(name)['ReservedConcurrentExecutions'],
    ])
    expect(bounded.filter(([, limit]) => limit !== undefined)).toEqual([
      ['drain', 3],
      ['sweep', 1],
    ])
  })

  it('each have a log whose lines are removed one day', () => {
    const logs = ofType(template, 'AWS::Logs::LogGroup').map(([, log]) => [
      log['LogGroupName'],
      log['RetentionInDays'],
    ])
    expect(logs.sort()).toEqual(
      FUNCTIONS.map((name) => [`/aws/lambda/webhook-broker-dev-${name}`, 7]),
    )
  })

  it('that accept triggers know the drain they kick; no other does', () => {
    const kicking = FUNCTIONS.filter((name) => {
      const { Variables } = functionOf(name)['Environment'] as { Variables: Properties }
      return Variables['BROKER_DRAIN_FUNCTION'] === 'webhook-broker-dev-drain'
    })
    expect(kicking).toEqual(['events', 'trigger'])
  })
})

describe('the gateway', () => {
  const routes = () =>
    ofType(template, 'AWS::ApiGatewayV2::Route').map(([, { RouteKey, Target }]) => ({
      route: RouteKey as string,
      integration: targetsIn(Target).join(),
    }))

  it('has exactly the routes of the API, and leaves the rest to the site', () => {
    const declared = API_ROUTES.map(({ method, path }) => `${method.toUpperCase()} ${path}`)
    expect(
      routes()
        .map(({ route }) => route)
        .sort(),
    ).toEqual([...declared, '$default'].sort())
  })

  it.each([
    ['POST /api/v0/webhooks', 'Register'],
    ['GET /api/v0/webhooks', 'List'],
    ['GET /api/v0/webhooks/{eventName}', 'List'],
    ['GET /api/v0/webhooks/{eventName}/{id}', 'Manage'],
    ['PATCH /api/v0/webhooks/{eventName}/{id}', 'Manage'],
    ['DELETE /api/v0/webhooks/{eventName}/{id}', 'Manage'],
    ['POST /api/v0/webhooks/{eventName}/{id}/rotate-secret', 'Manage'],
    ['POST /api/v0/webhooks/{eventName}/{id}/test', 'Manage'],
    ['POST /api/v0/deliveries/{id}/replay', 'Manage'],
    ['POST /api/v0/deliveries/{id}/cancel', 'Manage'],
    ['POST /api/v0/trigger-event/{eventName}', 'Trigger'],
    ['GET /api/v0/deliveries', 'Deliveries'],
    ['GET /api/v0/deliveries/{id}', 'Deliveries'],
    ['GET /api/v0/messages', 'Deliveries'],
    ['GET /api/v0/messages/{id}', 'Deliveries'],
    ['GET /api/v0/stats', 'Deliveries'],
    ['GET /api/v0/audit', 'Deliveries'],
    ['$default', 'Site'],
  ])('brings %s to %s', (route, name) => {
    expect(routes().find((each) => each.route === route)).toEqual({
      route,
      integration: `HttpApiIntegration${name}`,
    })
    expect(properties(`HttpApiIntegration${name}`)).toMatchObject({
      IntegrationType: 'AWS_PROXY',
      IntegrationUri: { 'Fn::GetAtt': [`${name}LambdaFunction`, 'Arn'] },
      PayloadFormatVersion: '2.0',
    })
  })

  // O-SEC-4: an HTTP API that has no CORS configuration adds no such header, to our answers or to its own errors.
  it('has CORS off, so that no answer differs from another', () => {
    expect(properties('HttpApi')).toEqual({ Name: 'dev-webhook-broker', ProtocolType: 'HTTP' })
    expect(template.text).not.toMatch(/cors|access-control/i)
  })
})

describe('the sources of triggers', () => {
  it('are a queue that reports failed records one by one and gives them up after five times', () => {
    expect(properties('EventsEventSourceMappingSQSEventsQueue')).toEqual({
      BatchSize: 10,
      Enabled: true,
      EventSourceArn: { 'Fn::GetAtt': ['EventsQueue', 'Arn'] },
      FunctionName: { 'Fn::GetAtt': ['EventsLambdaFunction', 'Arn'] },
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      ScalingConfig: { MaximumConcurrency: 2 },
    })
    expect(properties('EventsQueue')).toMatchObject({
      VisibilityTimeout: 180,
      RedrivePolicy: {
        maxReceiveCount: 5,
        deadLetterTargetArn: { 'Fn::GetAtt': ['EventsDeadLetters', 'Arn'] },
      },
    })
    // Lambda refuses a queue that shows a record again before the function is out of time.
    expect(functionOf('events')['Timeout']).toBe(30)
  })

  it('are a topic whose undelivered notifications are kept', () => {
    const [[, subscription] = [], ...others] = ofType(template, 'AWS::SNS::Subscription')
    expect(others).toEqual([])
    expect(subscription).toMatchObject({
      Protocol: 'lambda',
      TopicArn: { Ref: 'EventsTopic' },
      Endpoint: { 'Fn::GetAtt': ['EventsLambdaFunction', 'Arn'] },
      RedrivePolicy: { deadLetterTargetArn: { 'Fn::GetAtt': ['EventsDeadLetters', 'Arn'] } },
    })
  })

  it('are a bus of its own whose undelivered events are kept', () => {
    const rules = ofType(template, 'AWS::Events::Rule').filter(([, rule]) => 'EventPattern' in rule)
    expect(rules.map(([, rule]) => rule)).toMatchObject([
      {
        EventBusName: 'webhook-broker-dev',
        EventPattern: { source: [{ prefix: '' }] },
        State: 'ENABLED',
        Targets: [
          {
            Arn: { 'Fn::GetAtt': ['EventsLambdaFunction', 'Arn'] },
            RetryPolicy: { MaximumEventAgeInSeconds: 3600, MaximumRetryAttempts: 10 },
            DeadLetterConfig: { Arn: { 'Fn::GetAtt': ['FailedEvents', 'Arn'] } },
          },
        ],
      },
    ])
  })

  it('repeat what the function failed with, and keep what failed for good', () => {
    expect(properties('EventsLambdaEvConf')).toMatchObject({
      MaximumRetryAttempts: 2,
      MaximumEventAgeInSeconds: 3600,
      DestinationConfig: { OnFailure: { Destination: { 'Fn::GetAtt': ['FailedEvents', 'Arn'] } } },
    })
  })
})

describe('stage dev', () => {
  it('wakes nobody', () => {
    expect(ofType(template, 'AWS::CloudWatch::Alarm')).toEqual([])
  })
})

describe('the schedules', () => {
  it.each([
    { name: 'Sweep', rate: 'rate(15 minutes)', timeoutS: 60, waitS: 180 },
    { name: 'Drain', rate: 'rate(1 minute)', timeoutS: 120, waitS: 300 },
  ])('$name runs at $rate; a run that fails is noticed, not repeated', (schedule) => {
    const { name, rate, timeoutS, waitS } = schedule
    expect(properties(`${name}EventsRuleSchedule1`)).toMatchObject({
      ScheduleExpression: rate,
      State: 'ENABLED',
      Targets: [
        {
          Arn: { 'Fn::GetAtt': [`${name}LambdaFunction`, 'Arn'] },
          RetryPolicy: { MaximumEventAgeInSeconds: 60, MaximumRetryAttempts: 1 },
          DeadLetterConfig: { Arn: { 'Fn::GetAtt': ['FailedRuns', 'Arn'] } },
        },
      ],
    })
    // A run that finds every slot taken waits for as long as the one before it may take, and is no failure.
    expect(properties(`${name}LambdaFunction`)['Timeout']).toBe(timeoutS)
    expect(properties(`${name}LambdaEvConf`)).toMatchObject({
      MaximumRetryAttempts: 0,
      MaximumEventAgeInSeconds: waitS,
      DestinationConfig: { OnFailure: { Destination: { 'Fn::GetAtt': ['FailedRuns', 'Arn'] } } },
    })
  })

  it('is each allowed to invoke its function, and nothing else is invoked by anybody', () => {
    const allowed = ofType(template, 'AWS::Lambda::Permission').map(
      ([, permission]) =>
        `${permission['Principal'] as string} ${targetsIn(permission['FunctionName']).join()}`,
    )
    const byGateway = ['Deliveries', 'List', 'Manage', 'Register', 'Site', 'Trigger']
    expect(allowed.sort()).toEqual(
      [
        ...byGateway.map((name) => `apigateway.amazonaws.com ${name}LambdaFunction`),
        'events.amazonaws.com DrainLambdaFunction',
        'events.amazonaws.com EventsLambdaFunction',
        'events.amazonaws.com SweepLambdaFunction',
        'sns.amazonaws.com EventsLambdaFunction',
      ].sort(),
    )
    for (const [, permission] of ofType(template, 'AWS::Lambda::Permission')) {
      expect(permission['SourceArn']).toBeDefined()
    }
  })
})
