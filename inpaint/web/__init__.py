"""The page that ``inpaint serve`` shows, and the HTTP API behind it.

Safe by default: only this computer can reach it, only its own page may talk to it, bodies,
pixels, memory and the queue have limits, and nothing is written to a disk.
"""
