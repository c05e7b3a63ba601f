"""What stands in for an OpenAI-compatible server: nginx with canned answers, and a server that sends tokens on a clock."""
