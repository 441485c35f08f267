"""The pages: parse with a form, call one domain function, render."""
