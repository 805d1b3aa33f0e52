"""Everything the end-to-end tests and the demo stand on: namespaces, a resolver, clients, captures, the program itself."""
