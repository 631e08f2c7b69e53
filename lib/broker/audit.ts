// The independent check of the promise: per tenant and day, accepted = delivered + dead + cancelled + open.

import type { AuditDay, AuditStore, Log } from './ports.ts'

export type Audit = { balanced: boolean; days: AuditDay[] }

export type AuditLog = (tenant: string) => Promise<Audit>

/** A day that does not add up is an error-level line: a delivery was lost or made up. */
export const makeAudit =
  ({ audits, log }: { audits: AuditStore; log: Log }): AuditLog =>
  async (tenant) => {
    const days = await audits.days(tenant)
    const off = days.filter((day) => !isBalanced(day))
    for (const day of off) log.error('audit.mismatch', { tenant, ...day })
    return { balanced: off.length === 0, days }
  }

/** Whether every delivery of a day is accounted for. */
export const isBalanced = ({ matched, delivered, dead, cancelled, open }: AuditDay): boolean =>
  matched === delivered + dead + cancelled + open
