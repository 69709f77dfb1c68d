"""The forms of a report: text, JSON values, and a page with plots."""
