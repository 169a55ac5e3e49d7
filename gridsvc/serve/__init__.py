"""The processes of the service: HTTP processes and one background process."""
