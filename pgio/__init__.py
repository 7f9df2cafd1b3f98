"""Bulk transfer between Arrow and PostgreSQL: COPY in, COPY out."""
