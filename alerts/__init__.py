"""Send alerts of the database to chats, webhooks and mail: ``python -m alerts``."""
