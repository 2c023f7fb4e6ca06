// The official SDK for Node takes payments through the switch. Run by tests/acceptance/test_node.py.
'use strict';
const assert = require('node:assert/strict');
const {randomUUID} = require('node:crypto');
const {test} = require('node:test');
const {Stripe, stripe, browser, connect, pay, authenticate, receiver, eventually, BACK} = require('./shop.cjs');

const CARD = {number: '4242424242424242', exp_month: 12, exp_year: 2034, cvc: '123'};

test('a payment is taken and refunded', async () => {
  const intent = await pay('pm_card_visa', {metadata: {order: '1'}, expand: ['latest_charge.balance_transaction']});
  assert.equal(intent.status, 'succeeded');
  assert.equal(intent.latest_charge.balance_transaction.amount, 2000);
  assert.match(intent.lastResponse.requestId, /^req_/);
  const part = await stripe.refunds.create({payment_intent: intent.id, amount: 500});
  assert.equal(part.status, 'succeeded');
  await assert.rejects(stripe.refunds.create({payment_intent: intent.id, amount: 1501}), /unrefunded amount/);
  await stripe.refunds.create({payment_intent: intent.id});
  await assert.rejects(stripe.refunds.create({payment_intent: intent.id}), {code: 'charge_already_refunded'});
});

test('a raw card and a token pay', async () => {
  const raw = await pay(undefined, {payment_method: undefined, payment_method_data: {type: 'card', card: CARD}});
  assert.equal(raw.status, 'succeeded');
  const token = await browser.tokens.create({card: {...CARD, exp_month: '12', exp_year: '2034'}});
  const charge = await stripe.charges.create({amount: 900, currency: 'usd', source: token.id});
  assert.equal(charge.status, 'succeeded');
});

test('holds are captured in full, in part and in several parts, or cancelled', async () => {
  const hold = {capture_method: 'manual'};
  const whole = await stripe.paymentIntents.capture((await pay('pm_card_visa', hold)).id);
  assert.equal(whole.amount_received, 2000);
  const part = await stripe.paymentIntents.capture((await pay('pm_card_visa', hold)).id, {amount_to_capture: 700});
  assert.equal(part.amount_received, 700);
  const options = {card: {request_multicapture: 'if_available'}};
  const several = await pay('pm_card_visa', {...hold, payment_method_options: options});
  const first = await stripe.paymentIntents.capture(several.id, {amount_to_capture: 300, final_capture: false});
  assert.equal(first.status, 'requires_capture');
  assert.equal((await stripe.paymentIntents.capture(several.id)).amount_received, 2000);
  const gone = await stripe.paymentIntents.cancel((await pay('pm_card_visa', hold)).id);
  assert.equal(gone.status, 'canceled');
  await assert.rejects(stripe.paymentIntents.capture(gone.id), {code: 'payment_intent_unexpected_state'});
});

for (const [card, code, declineCode] of [
  ['pm_card_chargeDeclined', 'card_declined', 'generic_decline'],
  ['pm_card_chargeDeclinedInsufficientFunds', 'card_declined', 'insufficient_funds'],
  ['pm_card_chargeDeclinedExpiredCard', 'expired_card', 'expired_card'],
  ['pm_card_chargeDeclinedIncorrectCvc', 'incorrect_cvc', 'incorrect_cvc'],
  ['pm_card_chargeDeclinedProcessingError', 'processing_error', 'processing_error'],
]) {
  test(`${card} is declined with ${declineCode}`, async () => {
    await assert.rejects(pay(card), (error) => {
      assert.ok(error instanceof Stripe.errors.StripeCardError);
      assert.equal(error.statusCode, 402);
      assert.equal(error.code, code);
      assert.equal(error.decline_code, declineCode);
      assert.equal(error.payment_intent.status, 'requires_payment_method');
      return true;
    });
  });
}

for (const [outcome, status, told] of [
  ['succeed', 'succeeded', 'succeeded'],
  ['fail', 'requires_payment_method', 'failed'],
]) {
  test(`3D Secure: the shopper lets it ${outcome}`, async () => {
    const intent = await pay('pm_card_authenticationRequired');
    assert.equal(intent.status, 'requires_action');
    const back = new URL(await authenticate(intent, outcome));
    assert.ok(back.href.startsWith(BACK));
    assert.equal(back.searchParams.get('redirect_status'), told);
    const done = await stripe.paymentIntents.retrieve(intent.id);
    assert.equal(done.status, status);
    if (outcome === 'fail') {
      assert.equal(done.last_payment_error.code, 'payment_intent_authentication_failure');
    }
  });
}

test('a card is set up and charged later without its owner', async () => {
  const customer = await stripe.customers.create({email: 'jenny@example.com'});
  const setup = await stripe.setupIntents.create({
    customer: customer.id,
    payment_method: 'pm_card_visa',
    confirm: true,
    return_url: BACK,
  });
  assert.equal(setup.status, 'succeeded');
  const later = await pay(setup.payment_method, {customer: customer.id, off_session: true});
  assert.equal(later.status, 'succeeded');
});

test('retries with one key charge once, also at the same time', async () => {
  const idempotencyKey = randomUUID();
  const patient = connect(process.env.SHOP_SECRET_KEY, {maxNetworkRetries: 8});
  const form = {amount: 2100, currency: 'usd', confirm: true, payment_method: 'pm_card_visa', return_url: BACK};
  const all = await Promise.all(
    Array.from({length: 6}, () => patient.paymentIntents.create(form, {idempotencyKey}))
  );
  assert.equal(new Set(all.map((intent) => intent.id)).size, 1);
  await assert.rejects(stripe.paymentIntents.create({...form, amount: 2200}, {idempotencyKey}), {
    type: 'StripeIdempotencyError',
  });
});

test('lists are paged forwards and backwards', async () => {
  const customer = await stripe.customers.create();
  const ids = [];
  for (let number = 0; number < 5; number += 1) {
    ids.unshift((await pay('pm_card_visa', {customer: customer.id, amount: 1000 + number})).id);
  }
  const seen = [];
  for await (const intent of stripe.paymentIntents.list({customer: customer.id, limit: 2})) seen.push(intent.id);
  assert.deepEqual(seen, ids);
  const before = await stripe.paymentIntents.list({customer: customer.id, limit: 2, ending_before: ids[4]});
  assert.deepEqual(before.data.map((intent) => intent.id), [ids[2], ids[3]]);
  const few = await stripe.paymentIntents.list({customer: customer.id}).autoPagingToArray({limit: 3});
  assert.equal(few.length, 3);
});

test('search finds by metadata', async () => {
  const mark = randomUUID();
  const intent = await pay('pm_card_visa', {metadata: {mark}});
  const query = `metadata['mark']:'${mark}'`;
  const found = await eventually(async () => (await stripe.paymentIntents.search({query})).data[0]);
  assert.equal(found.id, intent.id);
});

test('metadata is merged, a deleted customer stays deleted', async () => {
  const customer = await stripe.customers.create({metadata: {a: '1', b: '2'}});
  const changed = await stripe.customers.update(customer.id, {metadata: {a: '', c: '3'}});
  assert.deepEqual(changed.metadata, {b: '2', c: '3'});
  assert.equal((await stripe.customers.del(customer.id)).deleted, true);
  assert.equal((await stripe.customers.retrieve(customer.id)).deleted, true);
  await assert.rejects(stripe.customers.update(customer.id, {name: 'x'}), {statusCode: 404});
});

test('a publishable key does what a browser does and no more', async () => {
  const intent = await stripe.paymentIntents.create({amount: 900, currency: 'usd'});
  const method = await browser.paymentMethods.create({type: 'card', card: {token: 'tok_visa'}});
  const done = await browser.paymentIntents.confirm(intent.id, {
    client_secret: intent.client_secret,
    payment_method: method.id,
    return_url: BACK,
  });
  assert.equal(done.status, 'succeeded');
  await assert.rejects(browser.paymentIntents.list(), {code: 'secret_key_required'});
});

test('a dispute is answered and won', async () => {
  const intent = await pay('pm_card_createDispute');
  const dispute = await eventually(async () => (await stripe.disputes.list({payment_intent: intent.id})).data[0]);
  assert.equal(dispute.status, 'needs_response');
  await stripe.disputes.update(dispute.id, {evidence: {uncategorized_text: 'winning_evidence'}});
  await eventually(async () => (await stripe.disputes.retrieve(dispute.id)).status === 'won');
});

test('an event is delivered and verified', async () => {
  const shop = await receiver();
  const endpoint = await stripe.webhookEndpoints.create({url: shop.url, enabled_events: ['payment_intent.succeeded']});
  try {
    const intent = await pay();
    const {headers, body} = await shop.wait((delivery) => delivery.body.includes(intent.id));
    const signature = headers['stripe-signature'];
    const event = stripe.webhooks.constructEvent(body, signature, endpoint.secret);
    assert.equal(event.type, 'payment_intent.succeeded');
    assert.equal(event.data.object.id, intent.id);
    const later = await stripe.webhooks.constructEventAsync(body.toString(), signature, endpoint.secret);
    assert.equal(later.id, event.id);
    assert.throws(() => stripe.webhooks.constructEvent(body, signature, 'whsec_wrong'), {
      type: 'StripeSignatureVerificationError',
    });
    assert.equal((await stripe.events.retrieve(event.id)).id, event.id);
  } finally {
    await stripe.webhookEndpoints.del(endpoint.id);
    shop.close();
  }
});

test('a checkout session is opened and expired', async () => {
  const product_data = {name: 'T-shirt'};
  const session = await stripe.checkout.sessions.create({
    mode: 'payment',
    success_url: BACK,
    line_items: [{quantity: 2, price_data: {currency: 'usd', unit_amount: 1500, product_data}}],
  });
  assert.equal(session.amount_total, 3000);
  const items = await stripe.checkout.sessions.listLineItems(session.id);
  assert.equal(items.data[0].description, 'T-shirt');
  assert.equal((await stripe.checkout.sessions.expire(session.id)).status, 'expired');
});

test('balance and account', async () => {
  assert.equal((await stripe.balance.retrieve()).object, 'balance');
  assert.match((await stripe.accounts.retrieve()).id, /^acct_/);
  assert.ok((await stripe.balanceTransactions.list({limit: 3})).data.length > 0);
});

test('errors are those of the SDK', async () => {
  await assert.rejects(connect('sk_test_wrong').balance.retrieve(), {type: 'StripeAuthenticationError'});
  await assert.rejects(stripe.paymentIntents.retrieve('pi_none'), {type: 'StripeInvalidRequestError', statusCode: 404});
  await assert.rejects(stripe.paymentIntents.create({amount: 10, currency: 'usd'}), {code: 'amount_too_small'});
});
