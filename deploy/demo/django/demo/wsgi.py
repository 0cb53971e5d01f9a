import os

from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "demo.settings")

# For the demo only: the admin is styled without a web server or one more dependency. A real
# project collects its static files and lets WhiteNoise or a CDN serve them.
application = StaticFilesHandler(get_wsgi_application())
