// Apart from the settings, so that help does not load what reads them.

/** Light enough for the shop on two cores. */
export const defaultRehearsalRate = 100
export const defaultSettle = '5s'
