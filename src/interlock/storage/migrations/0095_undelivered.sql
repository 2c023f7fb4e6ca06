-- Events by whether they were delivered: few are not, and those few are found without reading the many that were.

CREATE INDEX webhook_deliveries_undelivered ON webhook_deliveries (account_id, event_id) WHERE state <> 'delivered';
