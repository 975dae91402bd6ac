"""The HTTP side: FHIR, EPCIS and the operators' API. Authenticates, calls the rooms, renders answers; decides nothing."""
