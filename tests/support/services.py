"""The services and methods that the protos define; a new one is in every test that uses these."""

from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.descriptor_pool import Default
from tocsin import v1
from tocsin_server.grpc_transport.server import GRPC_METHODS

FILES: list[ModuleType] = [
    import_module(f"{v1.__name__}.{module.name}")
    for module in iter_modules(v1.__path__)
    if module.name.endswith("_service_pb2")
]
"""The generated modules of the files `*_service.proto`."""

SERVICES: list[ServiceDescriptor] = [
    service for file in FILES for service in file.DESCRIPTOR.services_by_name.values()
]
METHODS: list[MethodDescriptor] = [method for service in SERVICES for method in service.methods]

SERVED_METHODS: list[MethodDescriptor] = [
    *METHODS,
    *(Default().FindMethodByName(path[1:].replace("/", ".")) for path in GRPC_METHODS),
]
"""The methods that a server serves: also those of gRPC's own packages."""
