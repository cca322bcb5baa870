"""What this machine can do: devices, replicas, memory and time of a step."""
