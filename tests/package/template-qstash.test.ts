// The other dispatcher: QStash asks for the attempts, at a URL of the one function that makes them, and there is no drain.

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
  template = readTemplate(await packagedOnce('qstash'))
}, PACKAGING_TIMEOUT_MS)

const names = () => ofType(template, 'AWS::Lambda::Function').map(([id]) => id)
const variables = (id: string) =>
  (propertiesOf(template, id)['Environment'] as { Variables: Properties }).Variables

const secret = (field: string) =>
  `{{resolve:secretsmanager:webhook-broker/prod:SecretString:${field}}}`
const QSTASH = {
  BROKER_DISPATCHER: 'qstash',
  QSTASH_URL: secret('QSTASH_URL'),
  QSTASH_TOKEN: secret('QSTASH_TOKEN'),
  QSTASH_CURRENT_SIGNING_KEY: secret('QSTASH_CURRENT_SIGNING_KEY'),
  QSTASH_NEXT_SIGNING_KEY: secret('QSTASH_NEXT_SIGNING_KEY'),
  BROKER_WORKER_CONCURRENCY: '50',
}

describe('the functions', () => {
  it('are those of the other dispatcher, with the one that QStash calls in the place of the drain', () => {
    expect(names().sort()).toEqual(
      ['Deliveries', 'Events', 'List', 'Manage', 'Qstash', 'Register', 'Site', 'Sweep', 'Trigger']
        .map((name) => `${name}LambdaFunction`)
        .sort(),
    )
    expect(template.text).not.toContain('Drain')
  })

  it('that hand over know QStash and the address that it calls; nobody kicks a drain', () => {
    for (const id of ['Events', 'Manage', 'Sweep', 'Trigger']) {
      expect(variables(`${id}LambdaFunction`)).toMatchObject({
        ...QSTASH,
        BROKER_PUBLIC_URL: { 'Fn::GetAtt': ['QstashLambdaFunctionUrl', 'FunctionUrl'] },
      })
      expect(variables(`${id}LambdaFunction`)['BROKER_DRAIN_FUNCTION'] ?? '').toBe('')
    }
    expect(JSON.stringify(statementsOf(template))).not.toContain('lambda:InvokeFunction')
  })

  it('that hand nothing over know no token and no key of QStash', () => {
    for (const id of ['Deliveries', 'List', 'Register', 'Site']) {
      const known = Object.keys(variables(`${id}LambdaFunction`))
      expect(
        known.filter((name) => /^QSTASH_|^BROKER_(DISPATCHER|PUBLIC_URL)$/.test(name)),
      ).toEqual([])
      // The control: what every function knows is there.
      expect(known).toContain('DATABASE_URL')
    }
  })
})

describe('the function that QStash calls', () => {
  const called = () => propertiesOf(template, 'QstashLambdaFunction')

  it('has the time for the longest attempt, its margin and its result', () => {
    expect(called()).toMatchObject({
      Handler: 'functions/worker/qstash.handler',
      Timeout: 90,
      Architectures: ['arm64'],
      Runtime: 'nodejs24.x',
    })
    // A webhook may ask for 60 s; the lease goes on for 15 s more.
    expect(called()['Timeout']).toBeGreaterThanOrEqual(80)
  })

  it('runs as often at once as QStash is told to call it', () => {
    expect(called()['ReservedConcurrentExecutions']).toBe(50)
    expect(variables('QstashLambdaFunction')['BROKER_WORKER_CONCURRENCY']).toBe('50')
  })

  it('learns its own address from its calls: a template that told it would refer to itself', () => {
    expect(variables('QstashLambdaFunction')).toMatchObject({
      ...QSTASH,
      BROKER_PUBLIC_URL: 'function-url',
    })
    expect(targetsIn(called())).not.toContain('QstashLambdaFunctionUrl')
  })

  it('is called at a URL that asks for no identity, and by no route of the gateway', () => {
    expect(propertiesOf(template, 'QstashLambdaFunctionUrl')).toEqual({
      AuthType: 'NONE',
      TargetFunctionArn: { 'Fn::GetAtt': ['QstashLambdaFunction', 'Arn'] },
    })
    const permissions = ofType(template, 'AWS::Lambda::Permission').filter(
      ([, { Principal }]) => Principal === '*',
    )
    expect(permissions.map(([, each]) => [targetsIn(each).join(), each['Action']]).sort()).toEqual([
      ['QstashLambdaFunction', 'lambda:InvokeFunction'],
      ['QstashLambdaFunction', 'lambda:InvokeFunctionUrl'],
    ])
    expect(
      permissions.map(([, each]) => each['FunctionUrlAuthType'] ?? each['InvokedViaFunctionUrl']),
    ).toEqual(expect.arrayContaining(['NONE', true]))
    const routes = ofType(template, 'AWS::ApiGatewayV2::Route').map(([, { RouteKey }]) => RouteKey)
    expect(JSON.stringify(routes)).not.toContain('internal')
    expect(routes).toContain('POST /api/v0/trigger-event/{eventName}')
  })

  it('may write its own log, and nothing beside', () => {
    const granted = statementsOf(template).filter(({ role }) => role === 'QstashRole')
    expect(granted.map(({ statement }) => statement)).toEqual([
      {
        Effect: 'Allow',
        Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
        Resource: { 'Fn::GetAtt': ['QstashLogGroup', 'Arn'] },
      },
    ])
    expect(propertiesOf(template, 'QstashLogGroup')['RetentionInDays']).toBe(90)
  })
})
