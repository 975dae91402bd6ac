"""The shape of B2MML: which children an element has, in which order, and which repeat. Reads and writes nothing.

Facts of the V0700 schemas, with the names that only V0401 has where it has them. An element that stands here is told
by its name alone; what does not stand here is kept as it comes.
"""

from __future__ import annotations

V0700 = "http://www.mesa.org/xml/B2MML"
V0401 = "http://www.wbf.org/xml/B2MML-V0401"
VERSIONS = {V0700: (7, 0), V0401: (4, 1)}
"""Namespaces that are read, and their versions."""
FAMILIES = ("http://www.mesa.org/xml/B2MML", "http://www.wbf.org/xml/B2MML", "http://www.wbf.org/xml/BatchML")
"""Begins of the namespaces of other versions."""

VERBS = ("Sync", "Process", "Show", "Change")
"""Transactions that state facts."""
ASKING = ("Get", "Respond", "Acknowledge", "Cancel", "Confirm")
"""Transactions that ask, answer or take back."""
STATING = frozenset({"add", "added", "change", "changed", "replace", "replaced", "accepted", "modified", "modify"})
"""Action codes, in small letters, of a transaction that states facts; `Delete` and `Rejected` take back."""

NOUNS = {
    "MaterialInformation": ("MaterialLot", "MaterialSubLot"),
    "OperationsPerformance": ("OperationsResponse",),
    "ProductionPerformance": ("ProductionResponse",),
    "OperationsSchedule": ("OperationsRequest",),
    "ProductionSchedule": ("ProductionRequest",),
    "OperationsTestInformation": ("TestResult",),
}
"""What a document holds that only holds other things."""

PIECES = {
    "MaterialLot": "lot",
    "MaterialSubLot": "sublot",
    "OperationsResponse": "response",
    "ProductionResponse": "response",
    "OperationsRequest": "request",
    "ProductionRequest": "request",
    "BatchProductionRecord": "record",
    "Sample": "sample",
    "SampleTest": "test",
    "SampleTestResult": "retest",
    "TestResult": "result",
    "PropertyMeasurement": "measurement",
    "MaterialLotProperty": "property",
}
"""Elements that are frames of their own; a property where it holds a test result, a measurement or
a sample's test result after the first."""

_VALUE = "ValueString DataInterpretation DataType UnitOfMeasure Key"
_PROPERTY = "ID Description* Value* Quantity*"
_ENTRY = "ID EntryID ObjectType TimeStamp ExternalReference Description*"
_ACTUAL = (
    "ID MaterialClassID* MaterialDefinitionID* MaterialLotID* MaterialSubLotID* Description* Location MaterialUse "
    "SpatialDefinition StorageLocation Quantity* AssemblyActual* AssemblyType AssemblyRelationship HierarchyScope "
    "TestResult*"
)
_CHILDREN = {
    "DataArea": "Sync Process Show Change",
    "ApplicationArea": "Sender Receiver* CreationDateTime Signature BODID UserArea",
    "Sender": "LogicalID ComponentID TaskID ReferenceID ConfirmationCode AuthorizationID",
    "MaterialInformation": "ID Description* HierarchyScope Location PublishedDate MaterialClass* MaterialDefinition* "
    "MaterialLot* MaterialSubLot* TestSpecification* QAMaterialTestSpecification*",
    "MaterialLot": "ID Version Description* PublishedDate EffectiveStartDate EffectiveEndDate HierarchyScope "
    "SpatialDefinition MaterialDefinitionID Status Disposition MaterialLotProperty* MaterialSubLot* Location "
    "StorageLocation Quantity* TestSpecificationID* AssemblyLot* AssemblySubLot* AssemblyType AssemblyRelationship",
    "MaterialSubLot": "ID Version Description* PublishedDate EffectiveStartDate EffectiveEndDate HierarchyScope "
    "SpatialDefinition Status Disposition MaterialLotProperty* MaterialSublotProperty* StorageLocation Quantity* "
    "TestSpecificationID* MaterialSubLotChild* MaterialSubLot* MaterialLotID AssemblyLot* AssemblySubLot* "
    "AssemblyType AssemblyRelationship",
    "MaterialLotProperty": "ID Description* Value* MaterialLotPropertyChild* MaterialDefinitionPropertyID "
    "QAMaterialTestSpecificationID* TestResult*",
    "Value": _VALUE,
    "Quantity": "QuantityString DataType UnitOfMeasure Key",
    "StorageLocation": "Location LocationType LocationChild* EquipmentID EquipmentElementLevel",
    "OperationsPerformance": "ID Description* Version PublishedDate StartTime Endtime HierarchyScope OperationsType "
    "OperationsScheduleID PerformanceState OperationsResponse*",
    "ProductionPerformance": "ID Description* Location PublishedDate ProductionScheduleID StartTime EndTime "
    "EquipmentElementLevel ProductionResponse* PerformanceState",
    "OperationsResponse": "ID Description* Version StartTime EndTime HierarchyScope OperationsType "
    "OperationsRequestID* SegmentRequirementID* OperationsDefinitionID* OperationsSegmentID* ResponseState "
    "SegmentResponse*",
    "ProductionResponse": "ID ProductionRequestID ProductProductionRuleID* Location StartTime EndTime "
    "SegmentResponse* ResponseState",
    "SegmentResponse": "ID Description* PublishedDate PostingDate ActualStartTime ActualEndTime HierarchyScope "
    "OperationsType ProcessSegmentID* OperationsRequestID* SegmentRequirementID* OperationsDefinitionID* "
    "OperationsSegmentID* WorkResponseID* JobResponseID* SegmentState SegmentData* ProductSegmentID* Location "
    "ProductionData* PersonnelActual* EquipmentActual* PhysicalAssetActual* MaterialActual* "
    "MaterialProducedActual* MaterialConsumedActual* ConsumableActual* SegmentResponseChild* SegmentResponse*",
    "SegmentData": "ID Description* HierarchyScope Value* SegmentDataChild*",
    "PersonnelActual": "ID PersonnelClassID* PersonID* Description* PersonnelUse",
    "EquipmentActual": "ID EquipmentClassID* EquipmentID* Description* EquipmentUse",
    "MaterialActual": f"{_ACTUAL} MaterialActualProperty*",
    "MaterialProducedActual": f"{_ACTUAL} MaterialProducedActualProperty*",
    "MaterialConsumedActual": f"{_ACTUAL} MaterialConsumedActualProperty*",
    "MaterialActualProperty": _PROPERTY,
    "OperationsSchedule": "ID Description* Version PublishedDate StartTime EndTime HierarchyScope OperationsType "
    "ScheduleState OperationsRequest*",
    "ProductionSchedule": "ID Description* Location PublishedDate StartTime EndTime EquipmentElementLevel "
    "ProductionRequest* ScheduleState",
    "OperationsRequest": "ID Description* Version StartTime EndTime HierarchyScope OperationsType Priority "
    "RequestState OperationsDefinitionID OperationsSegmentID SegmentRequirement* RequestedSegmentResponse*",
    "ProductionRequest": "ID Description* ProductProductionRuleID* Location StartTime EndTime Priority "
    "SegmentRequirement* SegmentResponse* RequestState",
    "SegmentRequirement": "ID Description* Version EarliestStartTime LatestEndTime HierarchyScope OperationsType "
    "ProcessSegmentID Duration OperationsDefinitionID OperationsSegmentID SegmentState SegmentParameter* "
    "ProductSegmentID Location ProductionParameter* PersonnelRequirement* EquipmentRequirement* "
    "PhysicalAssetRequirement* MaterialRequirement* MaterialProducedRequirement* MaterialConsumedRequirement* "
    "ConsumableExpectedRequirement* SegmentRequirementChild* SegmentRequirement*",
    "SegmentParameter": "ID Value* Description*",
    "EquipmentRequirement": "ID EquipmentClassID* EquipmentID* EquipmentLevel Description* EquipmentUse Quantity*",
    "MaterialRequirement": "ID MaterialClassID* MaterialDefinitionID* MaterialLotID* MaterialSubLotID* Description* "
    "Location MaterialUse SpatialDefinition StorageLocation Quantity* AssemblyRequirement* AssemblyType "
    "AssemblyRelationship HierarchyScope MaterialRequirementProperty*",
    "MaterialRequirementProperty": _PROPERTY,
    "BatchProductionRecord": f"{_ENTRY} Header EquipmentScope PublishedDate CreationDate BatchID "
    "BatchProductionRecordSpec CampaignID ChangeIndication Delimiter EquipmentID ExpirationDate Language "
    "LastChangedDate LotID MaterialDefinitionID PhysicalAssetID RecordStatus Version ChangeHistory Comments "
    "ControlRecipes ExecutedControlRecipes DataSets Events MasterRecipes PersonnelIdentification "
    "PersonnelIdentifications OperationsDefinitions OperationsPerformances OperationsSchedules RecipeElements "
    "ResourceQualifications Samples",
    "ExecutedControlRecipes": "ExecutedControlRecipe*",
    "ExecutedControlRecipe": f"{_ENTRY} Version VersionDate BatchID Header OtherInformation* RuntimeRecipeElement*",
    "RuntimeRecipeElement": f"{_ENTRY} Version VersionDate RecipeElementType BuildingBlockElementID "
    "BuildingBlockElementVersion ActualEquipmentID* Header EquipmentRequirement* Parameter* ProcedureLogic "
    "RecipeElement* OtherInformation* CompletionTime Performer InstanceCount RuntimeRecipeElement*",
    "OtherInformation": "ID Value* Description*",
    "OperationsPerformances": "OperationsPerformanceRecord*",
    "OperationsPerformanceRecord": f"{_ENTRY} OperationsPerformance",
    "Samples": "Sample*",
    "Sample": f"{_ENTRY} SampleSourceID SampleSize* SampleType* SamplePullReason* SampleExpiration EquipmentID* "
    "PhysicalAssetID* ProceduralElementReference* SOPReference* SampleTest*",
    "SampleTest": f"{_ENTRY} TestCode TestName SampleTestResult*",
    "SampleTestResult": f"{_ENTRY} TestDisposition EquipmentID* PhysicalAssetID* AnalysisUsed* Expiration Results* "
    "ExpectedResults*",
    "OperationsTestInformation": "ID Description* HierarchyScope PublishedDate TestSpecification* TestResult*",
    "TestResult": "ID Description* EvaluationDate TestDateTime Expiration HierarchyScope TestableObjectID "
    "OperationsTestRequirementID EvaluatedCriterionResult Result* TestResultChild* PropertyMeasurement* "
    "ExpirationTime",
    "PropertyMeasurement": "ID Description* TestableObjectPropertyID* MeasurementDate Value Expiration "
    "WorkDefinitionID",
}
ALIASES = {
    "AssemblyLot": "MaterialLot",
    "AssemblySubLot": "MaterialSubLot",
    "MaterialSubLotChild": "MaterialSubLot",
    "MaterialSublotProperty": "MaterialLotProperty",
    "MaterialLotPropertyChild": "MaterialLotProperty",
    "SegmentResponseChild": "SegmentResponse",
    "SegmentDataChild": "SegmentData",
    "ProductionData": "SegmentData",
    "SegmentRequirementChild": "SegmentRequirement",
    "AssemblyActual": "MaterialActual",
    "MaterialProducedActualProperty": "MaterialActualProperty",
    "MaterialConsumedActualProperty": "MaterialActualProperty",
    "Results": "Value",
    "ExpectedResults": "Value",
    "Result": "Value",
    "SampleSize": "Quantity",
}
"""Elements that have the shape of another."""

ORDER = {
    name: {child.removesuffix("*"): rank for rank, child in enumerate(text.split())} for name, text in _CHILDREN.items()
}
"""Element -> child -> its place."""
REPEATED = {name: {c.removesuffix("*") for c in text.split() if c.endswith("*")} for name, text in _CHILDREN.items()}
"""Element -> children that are a list in the tree, be it of one."""


def shape_of(name: str) -> str:
    """The name under which the shape of an element stands."""
    return ALIASES.get(name, name)


REQUIRED = {
    "MaterialLot": {"ID": "-"},
    "MaterialSubLot": {"ID": "-"},
    "OperationsSchedule": {"ID": "-"},
    "OperationsRequest": {"ID": "-"},
    "SegmentRequirement": {
        "ID": "1",
        "ProcessSegmentID": "-",
        "OperationsDefinitionID": "-",
        "OperationsSegmentID": "-",
    },
    "MaterialRequirement": {"ID": "1"},
    "EquipmentRequirement": {"ID": "1"},
    "OperationsPerformance": {"ID": "-"},
    "OperationsResponse": {"ID": "-"},
    "SegmentResponse": {"ID": "1"},
    "SegmentData": {"ID": "-"},
    "MaterialActual": {"ID": "1"},
    "EquipmentActual": {"ID": "1"},
    "PersonnelActual": {"ID": "1"},
    "BatchProductionRecord": {"ID": "-", "EntryID": "-", "ObjectType": "Batch Production Record"},
    "Sample": {"EntryID": "-", "ObjectType": "Sample"},
    "SampleTest": {"EntryID": "-", "ObjectType": "Sample Test"},
    "SampleTestResult": {"EntryID": "-", "ObjectType": "Sample Test Result"},
    "TestResult": {"ID": "-"},
    "PropertyMeasurement": {"ID": "-"},
    "OperationsPerformanceRecord": {"EntryID": "-", "ObjectType": "Other"},
}
"""What V0700 asks for and a fresh document may not say; `1`: its place among its siblings."""
NEEDED = {"OperationsRequest": "SegmentRequirement", "OperationsResponse": "SegmentResponse"}
"""Elements of which V0700 asks for at least one."""
