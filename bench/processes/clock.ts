// One clock for all processes of a machine: CLOCK_MONOTONIC, in milliseconds with fractions.

export const nowMs = (): number => Number(process.hrtime.bigint()) / 1e6
