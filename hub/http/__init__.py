"""The HTTP side: FHIR, EPCIS and the operators' API. Authenticates, calls rooms, renders answers; decides nothing."""
