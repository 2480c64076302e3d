"""What the end-to-end tests share: a Berth under test, the host that it runs on, and the words of ECS."""
