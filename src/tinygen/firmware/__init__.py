"""Views and the Jinja environment: values in, a RenderedTree out. The only room that imports Jinja."""
