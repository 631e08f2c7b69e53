// Loaded into a process that must not use the network: every attempt to open a connection or to resolve a name throws,
// and is written where the test sees it. Pipes to child processes stay open.
'use strict'

const net = require('node:net')
const dns = require('node:dns')

const refuse = (what) => {
  process.stderr.write(`NETWORK USED: ${what}\n`)
  throw new Error(`no network here: ${what}`)
}
const connect = net.Socket.prototype.connect
net.Socket.prototype.connect = function (...args) {
  const [first] = args.flat()
  const path = typeof first === 'object' && first !== null ? first.path : undefined
  return path === undefined ? refuse(JSON.stringify(first)) : connect.apply(this, args)
}
dns.lookup = (name) => refuse(name)
dns.promises.lookup = (name) => refuse(name)
