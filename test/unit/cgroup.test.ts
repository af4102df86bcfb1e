import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  readCgroupLimits,
  readCpuPressureUs,
  readThrottledUs,
} from '../../harness/sample/cgroup.ts'

/** A machine's files by their path. */
const machine = (files: Readonly<Record<string, string>>) => (path: string) => files[path]

const unified = machine({
  '/proc/self/cgroup': '0::/kubepods/pod1\n',
  '/sys/fs/cgroup/kubepods/pod1/cpu.max': '150000 100000\n',
  '/sys/fs/cgroup/kubepods/cpu.max': 'max 100000\n',
  '/sys/fs/cgroup/kubepods/pod1/memory.max': 'max\n',
  '/sys/fs/cgroup/kubepods/memory.max': '2147483648\n',
  '/sys/fs/cgroup/kubepods/pod1/cpu.stat':
    'usage_usec 900\nnr_periods 40\nnr_throttled 3\nthrottled_usec 250000\n',
  '/proc/pressure/cpu': 'some avg10=2.12 avg60=2.34 avg300=2.21 total=15659874\nfull total=0\n',
})

test('version 2: the narrowest limit of all groups around us counts', () => {
  assert.deepEqual(readCgroupLimits(unified), {
    version: 2,
    cpuCores: 1.5,
    memoryBytes: 2 * 1024 ** 3,
  })
  assert.equal(readThrottledUs(unified), 250_000)
  assert.equal(readCpuPressureUs(unified), 15_659_874)
})

test('version 1, beside an empty version 2: quotas in microseconds, throttling in nanoseconds', () => {
  const read = machine({
    '/proc/self/cgroup': '4:memory:/docker/x\n1:cpu,cpuacct:/docker/x\n0::/\n',
    '/sys/fs/cgroup/cpu/docker/x/cpu.cfs_quota_us': '50000\n',
    '/sys/fs/cgroup/cpu/docker/x/cpu.cfs_period_us': '100000\n',
    '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n',
    '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
    '/sys/fs/cgroup/cpu/docker/x/cpu.stat':
      'nr_periods 9\nnr_throttled 2\nthrottled_time 7000000\n',
    '/sys/fs/cgroup/memory/docker/x/memory.limit_in_bytes': '9223372036854771712\n',
  })
  assert.deepEqual(readCgroupLimits(read), { version: 1, cpuCores: 0.5, memoryBytes: null })
  assert.equal(readThrottledUs(read), 7_000)
})

test('in a container of its own namespace the limits stand at the root', () => {
  const read = machine({
    '/proc/self/cgroup': '0::/\n',
    '/sys/fs/cgroup/cpu.max': '200000 100000\n',
    '/sys/fs/cgroup/cpu.stat': 'throttled_usec 12\n',
  })
  assert.deepEqual(readCgroupLimits(read), { version: 2, cpuCores: 2, memoryBytes: null })
  assert.equal(readThrottledUs(read), 12)
})

test('without cgroups nothing is known, which is not the same as none', () => {
  assert.equal(readCgroupLimits(machine({})), undefined)
  assert.equal(readThrottledUs(machine({})), null)
  assert.equal(readCpuPressureUs(machine({})), null)
})
