// nginx as a pair of proxies with mutual TLS between them, the yardstick for ours: same certificates,
// same verification, one worker each, no access log.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { childrenOf } from './usage.mjs'

export function installed(command) {
  return spawnSync('sh', ['-c', `command -v ${command}`]).status === 0
}

const STREAM_MODULE = '/usr/lib/nginx/modules/ngx_stream_module.so'

export function hasStream() {
  const built = String(spawnSync('nginx', ['-V']).stderr)
  return /--with-stream(\s|$)/.test(built) || existsSync(STREAM_MODULE)
}

/** mTLS both ways with TLS 1.3, as between mesh proxies. */
const clientTls = (prefix) => `
  ${prefix}_ssl_protocols TLSv1.3;
  ${prefix}_ssl_certificate client.pem; ${prefix}_ssl_certificate_key client.key;
  ${prefix}_ssl_trusted_certificate root.pem; ${prefix}_ssl_verify on; ${prefix}_ssl_name bench;`
const SERVER_TLS = `
  ssl_protocols TLSv1.3;
  ssl_certificate server.pem; ssl_certificate_key server.key;
  ssl_client_certificate root.pem; ssl_verify_client on;`

/**
 * - `l7`: HTTP proxies that keep connections to the next hop, each other's and the application's.
 * - `l7-app`: the same, but every connection of a client becomes one to the application, as through L4.
 * - `l7-fresh`: neither is kept: a TLS handshake per request.
 * - `stream`: L4, a TLS handshake per connection, none resumed: mesh identities rotate.
 */
function configs(kind, { client, middle, app }) {
  const at = ({ host, port }) => `${host}:${port}`
  if (kind === 'stream') {
    const stream = (body) => `stream { server { ${body} tcp_nodelay on; proxy_buffer_size 64k; } }`
    return [
      stream(`listen ${at(client)} backlog=2048; proxy_pass ${at(middle)}; proxy_ssl on;
        proxy_ssl_session_reuse off; ${clientTls('proxy')}`),
      stream(`listen ${at(middle)} ssl backlog=2048; ${SERVER_TLS} ssl_session_tickets off;
        proxy_pass ${at(app)};`),
    ]
  }
  const http = (target, listen, tls, keep) => `http {
    access_log off; keepalive_requests 1000000000; client_max_body_size 0;
    upstream next { server ${at(target)}; ${keep ? 'keepalive 128; keepalive_requests 1000000000;' : ''} }
    server { listen ${listen}
      location / { ${tls} proxy_http_version 1.1; ${keep ? 'proxy_set_header Connection "";' : ''}
        proxy_buffering off; } } }`
  return [
    http(
      middle,
      `${at(client)} backlog=2048;`,
      `proxy_pass https://next; ${clientTls('proxy')}`,
      kind !== 'l7-fresh',
    ),
    http(
      app,
      `${at(middle)} ssl backlog=2048; ${SERVER_TLS}`,
      'proxy_pass http://next;',
      kind === 'l7',
    ),
  ]
}

/** Two nginx instances in front of `app`; `certificates` = {root, client: {cert, key}, server}. */
export async function startNginxPair(kind, addresses, certificates) {
  const children = configs(kind, addresses).map((body) => {
    const folder = mkdtempSync(join(tmpdir(), 'bench-nginx-'))
    mkdirSync(join(folder, 'logs'))
    writeFileSync(join(folder, 'root.pem'), certificates.root)
    for (const side of ['client', 'server']) {
      writeFileSync(join(folder, `${side}.pem`), certificates[side].certChainPem)
      writeFileSync(join(folder, `${side}.key`), certificates[side].privateKeyPem, { mode: 0o600 })
    }
    const module = kind === 'stream' && existsSync(STREAM_MODULE)
    writeFileSync(
      join(folder, 'nginx.conf'),
      `${module ? `load_module ${STREAM_MODULE};` : ''}
      daemon off; pid nginx.pid; error_log stderr error; worker_processes 1;
      events { worker_connections 8192; }
      ${body}`,
    )
    return spawn('nginx', ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', 'stderr'], {
      stdio: ['ignore', 'ignore', 'inherit'],
    })
  })
  process.on('exit', () => {
    for (const child of children) child.kill('SIGTERM')
  })
  await Promise.all([reachable(addresses.client), reachable(addresses.middle)])
  return {
    address: addresses.client,
    proxies: children.map(({ pid }) => [pid, ...childrenOf(pid)]),
    stop: () => {
      for (const child of children) child.kill('SIGTERM')
    },
  }
}

async function reachable({ host, port }) {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const open = await new Promise((resolve) => {
      const socket = connect({ host, port })
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
      socket.once('connect', () => socket.destroy())
    })
    if (open) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`nginx does not listen on ${host}:${port}`)
}
