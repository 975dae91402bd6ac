"""The demo: a hub, three partners with their own formats, and the first half of an autologous journey between them."""
