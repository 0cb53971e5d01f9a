from django.contrib import admin

from .models import Note, Profile


@admin.register(Profile)
class ProfileAdmin(admin.ModelAdmin):
    list_display = ("user", "tenant", "plan", "onboarded")
    list_filter = ("tenant", "onboarded")


@admin.register(Note)
class NoteAdmin(admin.ModelAdmin):
    list_display = ("text", "author", "tenant", "written_at")
    list_filter = ("tenant",)
