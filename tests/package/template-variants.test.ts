// Packaging itself: what the stages change, and what it refuses.

import { join } from 'node:path'
import { readFileSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  copyService,
  packagedOnce,
  PACKAGING_TIMEOUT_MS,
  packageService,
  runServerless,
} from '../support/function-package.ts'
import {
  ofType,
  propertiesOf,
  readTemplate,
  type Properties,
  type Template,
} from '../support/template.ts'

const variables = (template: Template, id: string) =>
  (propertiesOf(template, id)['Environment'] as { Variables: Properties }).Variables

describe('stage prod', () => {
  let template: Template
  beforeAll(async () => {
    template = readTemplate(
      await packageService([
        '--stage=prod',
        '--param=allowedCidrs={{resolve:ssm:/webhook-broker/prod/allowed-cidrs}}',
      ]),
    )
  }, PACKAGING_TIMEOUT_MS)

  it('sweeps every minute, keeps its logs for 90 days, calls https alone and raises alarms', () => {
    expect(propertiesOf(template, 'SweepEventsRuleSchedule1')['ScheduleExpression']).toBe(
      'rate(1 minute)',
    )
    const [[, log] = []] = ofType(template, 'AWS::Logs::LogGroup')
    expect(log?.['RetentionInDays']).toBe(90)
    expect(variables(template, 'TriggerLambdaFunction')).toMatchObject({
      BROKER_HTTPS_ONLY: 'on',
      BROKER_SWEEP_INTERVAL_MS: '60000',
      BROKER_KEY_PREFIX: 'webhook-broker-prod',
    })
    expect(ofType(template, 'AWS::CloudWatch::Alarm').map(([id]) => id)).toEqual([
      'EventsDeadAlarm',
      'EventsFailedAlarm',
      'RunsFailedAlarm',
      'EventsLateAlarm',
      'SweepMissingAlarm',
      'ApiErrorsAlarm',
    ])
    expect(propertiesOf(template, 'SweepMissingAlarm')).toMatchObject({
      Dimensions: [{ Name: 'FunctionName', Value: { Ref: 'SweepLambdaFunction' } }],
      AlarmActions: [{ Ref: 'AlarmTopic' }],
      TreatMissingData: 'breaching',
    })
  })

  it('takes a plain setting from Parameter Store, by a reference that CloudFormation resolves', () => {
    expect(variables(template, 'RegisterLambdaFunction')['BROKER_ALLOWED_CIDRS']).toBe(
      '{{resolve:ssm:/webhook-broker/prod/allowed-cidrs}}',
    )
  })
})

describe('packaging', () => {
  it('makes the templates, without credentials and without a network', async () => {
    const packages = await packagedOnce()
    expect(
      readFileSync(join(packages, 'cloudformation-template-create-stack.json'), 'utf8'),
    ).toContain('ServerlessDeploymentBucket')
    // The control: what packaging ran under does refuse a connection.
    const guard = spawnSync(
      process.execPath,
      ['--require', './tests/support/no-network.cjs', '-e', "fetch('http://127.0.0.1:4009')"],
      { encoding: 'utf8' },
    )
    expect([guard.status, guard.stderr]).toEqual([1, expect.stringContaining('no network here')])
  })

  it.each([
    ['in a function', '      role: RegisterRole', '      rolle: RegisterRole'],
    ['in an event', 'maximumConcurrency:', 'maximumConcurency:'],
    ['of the provider', '  memorySize: 256', '  memorysize: 256'],
  ])('refuses a wrong key %s', async (_where, right, wrong) => {
    const folder = copyService((text) => text.replace(right, wrong))
    expect(readFileSync(join(folder, 'serverless.yml'), 'utf8')).toContain(wrong)
    const { code, output } = await runServerless(folder, ['package'])
    expect(code).toBe(1)
    expect(output).toContain('Configuration error')
  })

  it('refuses a stage that nobody described', async () => {
    const { code, output } = await runServerless(copyService(), ['package', '--stage=staging'])
    expect([code, output]).toEqual([
      1,
      expect.stringContaining('Value not found at "param" source'),
    ])
  })
})
