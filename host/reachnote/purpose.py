"""The one sentence that says what reachnote is for."""

PURPOSE = (
    "reachnote is a musical instrument and controller for making music; it is not for diagnosis, treatment, "
    "monitoring or compensation of any condition."
)
