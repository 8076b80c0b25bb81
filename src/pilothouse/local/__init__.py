"""Loopback stand-ins: a Kernel-compatible server, a scripted Messages server, a small web site."""
