"""What stands between a right password and a login.

The app's own login page may ask for more than a password: a second factor, a confirmed address, a
captcha. The gateway's login endpoint is a second door to the same house, so every such stage is
judged here as well, and where nothing can judge it, nobody gets in.

====================  ==================================================================
module                what it answers
====================  ==================================================================
``allauth_stages``    what does django-allauth still ask of this user?
``otp_stages``        has this user a device of django-otp, and is this its token?
``project``           what do the project's ``LOGIN_STAGES`` say?
``pages``             which login pages and apps does nothing here answer for?
====================  ==================================================================
"""

from .project import answers_for

__all__ = ["answers_for"]
