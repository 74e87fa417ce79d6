"""The methods of the services, a module a concern."""
