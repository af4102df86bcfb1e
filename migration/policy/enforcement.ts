/**
 * How one policy stands in the way of one kind of caller:
 * - `full`: as it is written, as sidecars and waypoints have it;
 * - `ztunnel`: as converted for ztunnels;
 * - `none`: not at all;
 * - `refused`: whatever it says, such callers are refused.
 */
export type Enforcement = 'full' | 'ztunnel' | 'none' | 'refused'

/** Refuses more, admits more; both when it is simply another policy. */
export interface Change {
  readonly tighter: boolean
  readonly looser: boolean
}

export interface Comparable {
  /** Of the conversion for ztunnels against the policy as written. */
  readonly conversion: Change
  /** Whether it stands in anybody's way at all: as written, and once converted. */
  readonly acts: { readonly full: boolean; readonly ztunnel: boolean }
  /** An ALLOW among others: taking it away refuses whom it alone admits, adding it admits them. */
  readonly oneOfSeveralAllows: boolean
}

const none: Change = { tighter: false, looser: false }

/** Conservative: what is neither tighter nor looser admits just whom it admitted. */
export function compareEnforcement(
  before: Enforcement,
  after: Enforcement,
  policy: Comparable,
): Change {
  if (before === after) return none
  if (after === 'refused') return { tighter: true, looser: false }
  if (before === 'refused') return { tighter: false, looser: true }
  const { conversion, acts, oneOfSeveralAllows } = policy
  if (before === 'full' && after === 'ztunnel') return conversion
  if (before === 'ztunnel' && after === 'full') {
    return { tighter: conversion.looser, looser: conversion.tighter }
  }
  if (after === 'none') {
    const acted = before === 'full' ? acts.full : acts.ztunnel
    return { looser: acted, tighter: acted && oneOfSeveralAllows }
  }
  const acting = after === 'full' ? acts.full : acts.ztunnel
  return { tighter: acting, looser: acting && oneOfSeveralAllows }
}

export function bothOf(a: Change, b: Change): Change {
  return { tighter: a.tighter || b.tighter, looser: a.looser || b.looser }
}
