"""The pages: what people see of the gateway, written on the server. Whatever they do goes the way of the JSON routes.

Knows templates and the gateway's own routes. Keeps nothing, and puts no patient's value into an address.
"""
