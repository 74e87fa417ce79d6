"""A client that opens streams on one inbox, and stops itself: `stalled_reader.py TARGET COUNT`."""

import os
import signal
import sys

import grpc
from tocsin.v1.inbox_service_pb2 import SubscribeRequest
from tocsin.v1.inbox_service_pb2_grpc import InboxServiceStub

target, count = sys.argv[1], int(sys.argv[2])
stub = InboxServiceStub(grpc.insecure_channel(target))
streams = [stub.Subscribe(SubscribeRequest(user_id="ann")) for _ in range(count)]
for stream in streams:
    next(stream)
sys.stdout.write("following\n")
sys.stdout.flush()
os.kill(os.getpid(), signal.SIGSTOP)
