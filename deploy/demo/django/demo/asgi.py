import os

from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "demo.settings")

# Static files: for the demo only, as in wsgi.py.
application = ASGIStaticFilesHandler(get_asgi_application())
