"""The document types as dated data, and the numbers of persons, documents and applications."""

from safehand.authority.documents.document import Document, DocumentOn, Ground, load_documents
from safehand.authority.documents.photo_rules import PhotoRules, load_photo_rules

__all__ = ["Document", "DocumentOn", "Ground", "PhotoRules", "load_documents", "load_photo_rules"]
