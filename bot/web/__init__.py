"""Web: the webhook, the pages, the set-up."""
