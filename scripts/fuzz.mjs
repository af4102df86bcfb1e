// The long run of the fuzz tests: `npm run fuzz`, with FUZZ_CASES and FUZZ_SEED to change it.
process.env.FUZZ_CASES ??= '10000'
process.argv.push('fuzz', '--test-timeout=1200000')
await import('./test.mjs')
