"""The sandbox's SMS gateway and mail server: everything sent ends in one mailbox that people can look at."""
