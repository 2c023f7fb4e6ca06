// What the Node tests share: the official SDK pointed at the switch by host and port only, and a shopper's browser.
'use strict';
const http = require('node:http');
const Stripe = require('stripe');

const API = new URL(process.env.SHOP_API_URL);
const BACK = 'https://shop.test/back';

function connect(key, options = {}) {
  return new Stripe(key, {
    host: API.hostname,
    port: API.port,
    protocol: 'http',
    telemetry: false,
    maxNetworkRetries: 0,
    ...options,
  });
}

const stripe = connect(process.env.SHOP_SECRET_KEY);
const browser = connect(process.env.SHOP_PUBLISHABLE_KEY);

function pay(card = 'pm_card_visa', more = {}, options = undefined) {
  return stripe.paymentIntents.create(
    {amount: 2000, currency: 'usd', confirm: true, payment_method: card, return_url: BACK, ...more},
    options
  );
}

// Where an address redirects to, without going there.
async function location(address) {
  const answer = await fetch(address, {redirect: 'manual'});
  if (answer.status !== 302 && answer.status !== 303) throw new Error(`${address} answered ${answer.status}`);
  return answer.headers.get('location');
}

// Authenticates (outcome: succeed or fail) as a browser does and returns the shop's address where it ends.
async function authenticate(intent, outcome) {
  const page = await location(intent.next_action.redirect_to_url.url);
  return location(await location(`${page}${page.includes('?') ? '&' : '?'}outcome=${outcome}`));
}

// A shop's webhook endpoint: keeps what was delivered.
async function receiver() {
  const deliveries = [];
  const server = http.createServer((request, response) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      deliveries.push({headers: request.headers, body: Buffer.concat(chunks)});
      response.end();
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}/hook`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
    wait: (wanted) => eventually(() => deliveries.find(wanted)),
  };
}

async function eventually(look, withinMs = 20000) {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > deadline) throw new Error('not found in time');
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

module.exports = {Stripe, stripe, browser, connect, pay, authenticate, receiver, eventually, BACK};
