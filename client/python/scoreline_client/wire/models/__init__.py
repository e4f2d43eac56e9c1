"""Contains all the data models used in inputs/outputs"""

from .batch import Batch
from .batch_links import BatchLinks
from .batch_page import BatchPage
from .batches_upload_files_body import BatchesUploadFilesBody
from .bin_ import Bin
from .counts import Counts
from .drift import Drift
from .explanation import Explanation
from .explanation_contributions import ExplanationContributions
from .feature_drift import FeatureDrift
from .field_error import FieldError
from .format_ import Format
from .health import Health
from .health_status import HealthStatus
from .job import Job
from .job_error import JobError
from .job_page import JobPage
from .join import Join
from .on_error import OnError
from .options import Options
from .patient import Patient
from .patient_ca_type_0_type_0 import PatientCaType0Type0
from .patient_ca_type_0_type_1 import PatientCaType0Type1
from .patient_cp_type_0 import PatientCpType0
from .patient_cp_type_1 import PatientCpType1
from .patient_exang_type_0 import PatientExangType0
from .patient_exang_type_1 import PatientExangType1
from .patient_fbs_type_0 import PatientFbsType0
from .patient_fbs_type_1 import PatientFbsType1
from .patient_restecg_type_0 import PatientRestecgType0
from .patient_restecg_type_1 import PatientRestecgType1
from .patient_sex_type_0 import PatientSexType0
from .patient_sex_type_1 import PatientSexType1
from .patient_slope_type_0 import PatientSlopeType0
from .patient_slope_type_1 import PatientSlopeType1
from .patient_thal_type_0_type_0 import PatientThalType0Type0
from .patient_thal_type_0_type_1 import PatientThalType0Type1
from .patients import Patients
from .problem import Problem
from .score import Score
from .score_conformal_item import ScoreConformalItem
from .score_prediction import ScorePrediction
from .state import State
from .verdict import Verdict

__all__ = (
    "Batch",
    "BatchesUploadFilesBody",
    "BatchLinks",
    "BatchPage",
    "Bin",
    "Counts",
    "Drift",
    "Explanation",
    "ExplanationContributions",
    "FeatureDrift",
    "FieldError",
    "Format",
    "Health",
    "HealthStatus",
    "Job",
    "JobError",
    "JobPage",
    "Join",
    "OnError",
    "Options",
    "Patient",
    "PatientCaType0Type0",
    "PatientCaType0Type1",
    "PatientCpType0",
    "PatientCpType1",
    "PatientExangType0",
    "PatientExangType1",
    "PatientFbsType0",
    "PatientFbsType1",
    "PatientRestecgType0",
    "PatientRestecgType1",
    "Patients",
    "PatientSexType0",
    "PatientSexType1",
    "PatientSlopeType0",
    "PatientSlopeType1",
    "PatientThalType0Type0",
    "PatientThalType0Type1",
    "Problem",
    "Score",
    "ScoreConformalItem",
    "ScorePrediction",
    "State",
    "Verdict",
)
