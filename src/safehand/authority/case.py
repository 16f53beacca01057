"""A case: one person's application for one document, with every step's state inside. Stream `ca_…`."""

import msgspec

from safehand.authority.agent.events import AgentEvent
from safehand.authority.agent.states import Agent
from safehand.authority.application.events import ApplicationEvent
from safehand.authority.application.states import Application
from safehand.authority.contact.events import ContactEvent
from safehand.authority.contact.states import Contact
from safehand.authority.examination.events import ExaminationEvent
from safehand.authority.examination.states import Examination
from safehand.authority.group.events import GroupEvent
from safehand.authority.group.states import Membership
from safehand.authority.handover.events import HandoverEvent
from safehand.authority.handover.states import Handover
from safehand.authority.help.events import HelpEvent
from safehand.authority.help.states import Help
from safehand.authority.made_documents import MadeDocument, MadeDocumentEvent, Papers
from safehand.authority.payment.events import PaymentEvent
from safehand.authority.payment.states import Payment
from safehand.authority.production.events import ProductionEvent
from safehand.authority.production.states import Production
from safehand.authority.readdressing.events import ReaddressingEvent
from safehand.authority.readdressing.states import Readdressing
from safehand.authority.returns.events import ReturnsEvent
from safehand.authority.returns.states import Returns
from safehand.authority.telephone.events import TelephoneEvent
from safehand.authority.telephone.states import Telephone
from safehand.authority.tracking.events import TrackingEvent
from safehand.authority.tracking.states import Tracking
from safehand.authority.wish.events import WishEvent
from safehand.authority.wish.states import Wish
from safehand.house.erasure import Erasure, ErasureEvent

CaseEvent = (
    ApplicationEvent
    | ExaminationEvent
    | PaymentEvent
    | ProductionEvent
    | HandoverEvent
    | TrackingEvent
    | ReturnsEvent
    | ContactEvent
    | ReaddressingEvent
    | HelpEvent
    | AgentEvent
    | WishEvent
    | GroupEvent
    | TelephoneEvent
    | MadeDocumentEvent
    | ErasureEvent
)


class Case(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The steps of one case, each moved by its own table only."""

    case: str
    application: Application = Application()
    examination: Examination = Examination()
    payment: Payment = Payment()
    production: Production = Production()
    handover: Handover = Handover()
    tracking: Tracking = Tracking()
    returns: Returns = Returns()
    contact: Contact = Contact()
    readdressing: Readdressing = Readdressing()
    help: Help = Help()
    agent: Agent = Agent()
    wish: Wish = Wish()
    group: Membership = Membership()
    telephone: Telephone = Telephone()
    papers: Papers = Papers()
    erasure: Erasure = Erasure()

    @property
    def document(self) -> MadeDocument | None:
        """The document at work: the one drawn last."""
        return self.papers.find(self.production.make)
