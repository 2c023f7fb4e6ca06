// A crowd that pays while a gateway dies. Prints one JSON line: what each shopper was told, by amount.
'use strict';
const {test} = require('node:test');
const {writeFileSync} = require('node:fs');
const {connect, BACK} = require('./shop.cjs');

test('everybody pays', async () => {
  const client = connect(process.env.SHOP_SECRET_KEY, {maxNetworkRetries: 6, timeout: 60000});
  const count = Number(process.env.SHOP_PAYMENTS);
  const first = Number(process.env.SHOP_FIRST_AMOUNT);
  const told = [];
  let next = 0;
  async function shopper() {
    while (next < count) {
      const amount = first + next;
      next += 1;
      try {
        const intent = await client.paymentIntents.create({
          amount,
          currency: 'usd',
          confirm: true,
          payment_method: 'pm_card_visa',
          return_url: BACK,
          metadata: {order: String(amount)},
        });
        told.push([amount, intent.status]);
      } catch (error) {
        told.push([amount, `${error.statusCode} ${error.code}`]);
      }
    }
  }
  await Promise.all(Array.from({length: 8}, shopper));
  writeFileSync(process.env.SHOP_TOLD, JSON.stringify(told));
});
