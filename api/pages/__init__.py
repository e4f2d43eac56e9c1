"""The pages for people, rendered on the server. Their actions use the same code as the JSON routes.

They store nothing, and put no patient's value into a URL.
"""
