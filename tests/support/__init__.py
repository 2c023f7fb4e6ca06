"""What several tests share: shapes, servers, builders. No test lives here."""
