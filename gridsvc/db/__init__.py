"""The only package that speaks SQL: tables, reads and writes by noun, migrations, the embedded cluster."""
