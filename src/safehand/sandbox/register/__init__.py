"""The sandbox's population and document register: what the authority asks before it decides."""
